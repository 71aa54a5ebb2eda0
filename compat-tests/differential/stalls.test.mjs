import { compareAll } from '../lib/compare.mjs';
import { scenarios } from '../scenarios/stalls.mjs';

await compareAll(scenarios);
