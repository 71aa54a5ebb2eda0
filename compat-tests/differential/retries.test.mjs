import { compareAll } from '../lib/compare.mjs';
import { scenarios } from '../scenarios/retries.mjs';

await compareAll(scenarios);
