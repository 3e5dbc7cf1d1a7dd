/** Where results go so that no compiler can prove them unused. */
export const kept = { /** @type {unknown} */ value: undefined };

/** @param {unknown} value */
export function keep(value) {
  kept.value = value;
}

/** Thrown by a contender that cannot take part here; its row is left out and says why. */
export class Unavailable extends Error {}
