// A clock that stands: for as long as a function runs, `Date` knows one instant.

const RealDate = globalThis.Date;

/** Runs `act` with `Date.now()` and `new Date()` at `now` (ms). One at a time in a process. */
export async function standingAt(now, act) {
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length ? given : [now]));
    }

    static now() {
      return now;
    }
  };
  try {
    return await act();
  } finally {
    globalThis.Date = RealDate;
  }
}
