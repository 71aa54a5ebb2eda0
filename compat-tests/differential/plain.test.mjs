import { compareAll } from '../lib/compare.mjs';
import { scenarios } from '../scenarios/plain.mjs';

await compareAll(scenarios);
