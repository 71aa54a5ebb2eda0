import { compareAll } from '../lib/compare.mjs';
import { scenarios } from '../scenarios/limits.mjs';

await compareAll(scenarios);
