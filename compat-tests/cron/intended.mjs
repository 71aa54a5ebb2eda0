// Where ours is meant to differ from cron-parser 5.
import { changesWithinHour } from './cases.mjs';

/**
 * Why ours is right to differ, or `undefined` if it is not:
 *
 * - `meaningless`: stock lets any characters through that stand beside an `H/n` or `H(a-b)`, and
 *   reads what follows `#` as a JavaScript number (`5#0x2`); we refuse both.
 * - `change within an hour`: where clocks go back from or to the middle of an hour, stock turns in
 *   circles until its loop limit, or goes back in time; we go on.
 */
export function intended(request, ours, stock) {
  if (ours.error !== undefined) return meansNothing(request.pattern) ? 'meaningless' : undefined;
  if (stock.error !== undefined || !changesWithinHour(request.tz)) return undefined;
  const wrong = stock.next.findIndex((ms, i) => ms <= (stock.next[i - 1] ?? request.from));
  const good = wrong < 0 ? stock.next : stock.next.slice(0, wrong);
  const failed = wrong >= 0 || stock.gaveUp;
  const goesOn = ours.next.length === request.count && ours.next.every((ms, i) => ms > (ours.next[i - 1] ?? request.from));
  return failed && goesOn && good.every((ms, i) => ms === ours.next[i]) ? 'change within an hour' : undefined;
}

function meansNothing(pattern) {
  const fields = pattern.trim().split(/\s+/).reverse();
  return fields.some((field, fromRight) => {
    const [month, dayOfWeek, dayOfMonth] = [fromRight === 1, fromRight === 0, fromRight === 2];
    const unnamed = month || dayOfWeek ? field.replaceAll(/[a-z]{3}/gi, '') : field;
    const rest = unnamed.replaceAll(/H\(\d+-\d+\)/g, '');
    if (/[^\d?*,/LH#-]/.test(rest) || /#0*[^1-5]/.test(rest)) return true;
    return (rest.includes('L') && !dayOfWeek && !dayOfMonth) || (rest.includes('#') && !dayOfWeek);
  });
}
