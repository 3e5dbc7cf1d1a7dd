/** What the value of a preserved memfd means when two are compared: its bytes, not the folios they lie in. */
import type { Meaning, Stretch } from '../meaning.js';
import type { FolioRun } from './runs.js';

export const MEMFD_MEANING: Meaning = {
  fields: {
    // How many folios there are, and of which size, is the allocator's choice; what holds for the pages is not.
    nr_folios: { is: 'layout' },
    folios: { is: 'layout', stretches: stretchOf },
  },
};

/** Pages of the file, with the flags of their folio. */
function stretchOf(element: unknown): Stretch {
  // Elements of `folios` are runs of folios.
  const { index, pfn, order, count, flags, step } = element as FolioRun;
  const from = Number(index);
  const size = 2 ** order;
  const first = Number(pfn);
  return {
    from,
    to: from + count * size,
    says: { flags },
    place: (at) => {
      const into = at - from;
      const nth = Math.floor(into / size);
      return step === -1 ? first - nth * size + (into % size) : first + into;
    },
  };
}
