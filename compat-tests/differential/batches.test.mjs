import { compareAll } from '../lib/compare.mjs';
import { scenarios } from '../scenarios/batches.mjs';

await compareAll(scenarios);
