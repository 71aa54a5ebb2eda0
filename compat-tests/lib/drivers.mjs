// Which driver is under test.
import { bullrsDriver } from '../drivers/bullrs.mjs';
import { stockDriver } from '../drivers/stock.mjs';

/** `BULLRS_COMPAT_AGAINST=stock` puts stock in bullrs' place: a failure then is one that the harness makes. */
export const againstStock = process.env.BULLRS_COMPAT_AGAINST === 'stock';

/** The driver under test, beside an app on stock bullmq `version`. */
export function driverUnderTest(version) {
  return againstStock ? stockDriver(version) : bullrsDriver;
}
