// The fixed table: every pattern in every zone at every moment.

/** What both versions of cron-parser read alike. */
export const alike = [
  // any, single, list, range, step
  '* * * * *', '* * * * * *', '0 * * * *', '30 * * * *', '59 * * * *', '0 0 * * *', '30 2 * * *', '15 3 * * *',
  '0 12 * * *', '59 23 * * *', '5,10,55 * * * *', '0 1,2,3 * * *', '0 0,12 * * *', '15-20 * * * *', '0 9-17 * * *',
  '*/5 * * * *', '*/7 * * * *', '*/15 * * * *', '*/30 * * * *', '*/59 * * * *', '*/60 * * * *', '*/100 * * * *',
  '10-50/20 * * * *', '10/20 * * * *', '59/2 * * * *', '0/15 * * * *', '5,10-12,*/30 * * * *', '0 */2 * * *',
  '0 */3 * * *', '0 1-23/2 * * *', '30 0-5/5 * * *', '0 22,23,0,1 * * *', '0 4/6 * * *', '0 2-3 * * *', '*/20 2 * * *',
  '* 2 * * *', '* 1 * * *', '* 23 * * *', '45 1 * * *', '0 3 * * *', '0 0-23 * * *', '01 02 * * *', '00 00 * * *',
  // seconds
  '*/10 * * * * *', '30 * * * * *', '0 0 * * * *', '15,45 30 12 * * *', '0-5 0 0 * * *', '59 59 23 * * *',
  '0 30 2 * * *', '*/20 */20 */2 * * *', '7 7 7 7 7 *', '10/20 5/10 1/5 * * *',
  // days of the month and months
  '0 0 1 * *', '0 0 15 * *', '0 0 31 * *', '0 0 30 * *', '0 0 29 2 *', '0 0 28 2 *', '0 0 29 * *', '0 0 1,15 * *',
  '0 0 1-7 * *', '0 0 */2 * *', '0 0 */10 * *', '0 12 1/5 * *', '0 0 2-30/4 * *', '0 0 1 1 *', '0 0 31 12 *',
  '0 0 31 1,3,5,7,8,10,12 *', '0 0 31 2,3 *', '30 4 1 */3 *', '0 0 1 */2 *', '0 0 1 2/5 *', '0 6 10 6-8 *', '0 0 30 4,6,9,11 *',
  '0 0 1 JAN *', '0 0 1 jan,JUL *', '0 0 1 Mar-May *', '0 0 1 FEB-DEC/3 *',
  // last day of the month
  '0 0 L * *', '0 0 L 2 *', '0 0 L 1,2,4 *', '30 2 L * *', '0 0 15,L * *', '0 0 L,1 * *',
  // days of the week
  '0 0 * * 0', '0 0 * * 7', '0 0 * * 1', '0 0 * * 6', '0 9 * * 1-5', '0 9 * * MON-FRI', '0 0 * * sat,sun', '0 0 * * SUN',
  '0 0 * * 0,3,6', '0 0 * * 1-6/2', '0 0 * * 5-7', '0 0 * * 6-7', '0 0 * * */2', '0 0 * * 1,3-5', '0 0 * * Tue', '30 2 * * 0',
  '0 0 * * 5L', '0 0 * * 0L', '0 0 * * 7L', '0 0 * * 1L,3L', '0 0 * * 5,1L', '0 0 * 2 1L', '0 0 * * FRIL', '0 9 * * 1-5 ',
  '0 0 * * 1#1', '0 0 * * 5#2', '0 0 * * 0#5', '0 0 * * MON#3', '0 0 * * 7#1', '0 0 * * 3#05', '30 2 * * 0#2', '0 0 * 8 1#5',
  // both kinds of days
  '0 0 13 * 5', '0 0 1 * 1', '0 0 1-7 * 3', '0 0 1 * 0-6', '0 0 */2 * 1', '0 0 L * 5', '0 0 1,15 */2 mon',
  '0 0 ? * 1', '0 0 1 * ?', '0 0 ? * *', '0 0 ? * ?', '0 0 * * ?',
  // predefined, short, spaced
  '@yearly', '@monthly', '@weekly', '@daily', '@hourly', '*', '5', '* 5', '1 *', '12 *', '3 1 *', '1 1 1', '3 4 5 6', '0 3 1 1',
  '  */5   *  * * * ', '*/5\t* * *\t*', '\u00a0*/5 * * * *', '*/5\n* * * *',
  // a day that a single month lacks may be listed twice
  '0 0 1,31,31 4 *', '0 0 29-31,30,15 2 *',
  // wildcards are replaced as texts
  '1* * * * *', '0 1* * * *',
];

/** What fits once in 28 or 40 years. */
export const rare = ['0 0 * 2 1#5', '0 0 * feb SUN#5'];

/** What is read, but never fits. */
export const never = ['0 0 31 2,4 *', '0 0 31 4,6,9,11 *'];

/** What version 5 reads otherwise than version 4, and how. */
export const changed = {
  'H in place of a value': ['H * * * *', 'H H * * *', 'H/15 * * * *', 'H(0-29)/10 * * * *', 'H(9-17) H * * *', '0 H 1 * *', '0 0 H * *', '0 0 1 H *', '0 0 * * H', '0 0 * * H#1', 'H H H H H H', 'H(1-5)/10 * * * *', '0 H/6 * * *', '0 0 H(0-5) * *', '0 0 H/9 * *', 'H/40 * * * *'],
  '? in every field': ['? * * * *', '0 ? * * *', '0 0 1 ? *', '? ? ? ? ? ?', '?/10 * * * *'],
  'more predefined ones': ['@annually', '@minutely', '@secondly', '@weekdays', '@weekends'],
  'a value listed twice is refused': ['1,1 * * * *', '*/5,10 * * * *', '0 0 * * 0,7', '0 0 * * 7,SUN', '0 0 1-5,3 * *', '0 0 * * 5-7,0', '0 0 L,L * *'],
  'only * and ? leave the other day field to decide alone': ['0 0 1-31 * 1', '0 0 1 * 0-7', '0 0 1 * 1-7', '0 0 */1 * 1', '0 0 1 * */1', '0 0 1-30 4 1'],
  'a day that a single month lacks gives way to the weekday': ['0 0 31 2 1', '0 0 30 2 5', '0 0 31 4 1', '0 0 31 2 1,2'],
  'a step to 7 is a Sunday only if it meets it': ['0 0 * * 3/3', '0 0 * * 6/2', '0 0 * * 1-7/4'],
  'a weekday and # is one kind of day beside the day of the month': ['0 0 1 * 5#2', '0 0 L * 1#1', '0 0 1,15 * 2#3'],
  'an L with a number is the last day of the month': ['0 0 31L 1 *', '0 0 15L 2 *'],
  'numbers before anything that follows are read': ['5/5-7 * * * *', '0 0 1-5L * *', '0 0 1/2L * *', '0 0 5/* * *', '0 0 */* * *', '0 0 * * 1-5L'],
  'names of both kinds in both fields': ['0 0 1 MON *', '0 0 * * JAN', '0 0 * * JUL#1'],
};

/** What no version takes. */
export const refused = [
  '60 * * * *', '* 24 * * *', '* * 0 * *', '* * 32 * *', '* * * 0 *', '* * * 13 *', '* * * * 8', '60 * * * * *', '-1 * * * *', '1- * * * *',
  '5-1 * * * *', '* * * * 6-0', '* * * * fri-mon', '* * * * sat-sun', '0 22-2 * * *', '*/0 * * * *', '*/-5 * * * *', '*/ * * * *', '/5 * * * *',
  '1/2/3 * * * *', ', * * * *', '1, * * * *', ',1 * * * *', '1,,2 * * * *', 'a * * * *', '* * * foo *', '* * * JANU *', '* * * * MO', '1.5 * * * *',
  '1e1 * * * *', '0x5 * * * *', '+5 * * * *', '* * * * * * *', '1 2 3 4 5 6 7', 'L * * * *', '* L * * *', '* * * L *', '* * LW * *', '* * 15W * *',
  '* * L-3 * *', '* * * * L5', '* * * * 1#0', '* * * * 1#6', '* * * * #2', '* * * * 1#', '* * * * 1#1#2', '* * * * 1#1,2#2',
  '* * * * 1-5#1', '* * * * */2#1', '0 0 31 2 *', '0 0 30 2 *', '0 0 31 4 *', '0 0 31 6 ?', 'H/0 * * * *', 'H(5-1) * * * *', 'H(60-70) * * * *', 'H(5) * * * *',
  '@DAILY', '@reboot', '@midnight', ' @daily', '@every 5m', '@', '* * * * * * * *', '*/5 * * * * # comment', 'é * * * *', '١ * * * *', '*\u200b* * * *',
];

/**
 * Zones, and moments before, at and behind changes of their clocks. Version 4 is not asked where `alike`
 * is false: most of those change their clocks in ways that it takes differently.
 */
export const places = [
  { tz: 'UTC', from: ['2024-02-28T23:59:59Z', '2023-12-31T23:59:30.500Z'] },
  { tz: 'Europe/Paris', from: ['2024-03-30T22:10:00Z', '2024-03-31T00:59:59.001Z', '2024-03-31T01:00:00Z', '2024-10-26T23:30:00Z', '2024-10-27T00:30:00Z'] },
  { tz: 'America/New_York', from: ['2026-11-01T05:59:59Z', '2026-03-08T07:10:00Z'] },
  { tz: 'UTC-3:30', from: ['2025-01-31T18:29:59Z'] },
  { tz: 'America/Sao_Paulo', from: ['2018-11-03T12:00:00Z', '2018-02-18T01:15:00Z'] },
  { tz: 'America/Havana', from: ['2024-11-03T03:30:00Z'], alike: false },
  { tz: 'Africa/Cairo', from: ['2024-04-25T20:00:00Z'], alike: false },
  { tz: 'Asia/Beirut', from: ['2024-10-26T19:30:00Z'], alike: false },
  { tz: 'Antarctica/Troll', from: ['2024-03-31T00:30:00Z', '2024-10-26T23:30:00Z'], alike: false },
  { tz: 'Australia/Lord_Howe', from: ['2024-10-05T14:00:00Z'], alike: false },
  { tz: 'America/St_Johns', from: ['2009-03-08T02:30:00Z'], alike: false },
  { tz: 'Pacific/Chatham', from: ['2025-09-27T12:30:00Z'], alike: false },
  { tz: 'Pacific/Apia', from: ['2011-12-29T20:00:00Z'], alike: false },
];

/** What version 5 gives up on where clocks go back by half an hour, while version 4 goes on. */
export const halfHour = {
  patterns: ['0 2 * * *', '0 3 * * *', '0 */2 * * *', '15 2-3 * * *', '* 2 * * *', '0 12 * * *'],
  tz: 'Australia/Lord_Howe',
  from: '2024-04-06T13:30:00Z',
};
