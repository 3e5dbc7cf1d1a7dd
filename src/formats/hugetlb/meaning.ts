/** What values of huge pages mean when two are compared. */
import type { Meaning } from '../meaning.js';

export const HUGETLB_MEANING: Meaning = {
  fields: { hstates: { key: 'order' }, nr_hstates: { is: 'derived' } },
};
/** Where its pages lie says nothing of what is in them. */
export const HUGE_MEMFD_MEANING: Meaning = {
  fields: { nr_folios: { is: 'layout' }, folios: { is: 'layout' } },
};
