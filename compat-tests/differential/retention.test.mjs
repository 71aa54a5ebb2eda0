import { compareAll } from '../lib/compare.mjs';
import { scenarios } from '../scenarios/retention.mjs';

await compareAll(scenarios);
