import { compareAll } from '../lib/compare.mjs';
import { scenarios } from '../scenarios/deduplication.mjs';

await compareAll(scenarios);
