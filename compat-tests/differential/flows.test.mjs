import { compareAll } from '../lib/compare.mjs';
import { scenarios } from '../scenarios/flows.mjs';

await compareAll(scenarios);
