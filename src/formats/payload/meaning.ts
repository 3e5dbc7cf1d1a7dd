/** What fields that say how a layout was chosen mean when two values are compared. */
import type { MeaningOf } from '../meaning.js';

export const CHOICE_MEANING = Object.freeze({
  profile: { is: 'generation' },
  // Sentences with addresses in them.
  because: { is: 'unknown' },
  runner_up: { is: 'unknown' },
} as const satisfies Readonly<Record<string, MeaningOf>>);
