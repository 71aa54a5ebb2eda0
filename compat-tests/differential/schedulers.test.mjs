import { compareAll } from '../lib/compare.mjs';
import { scenarios } from '../scenarios/schedulers.mjs';

await compareAll(scenarios);
