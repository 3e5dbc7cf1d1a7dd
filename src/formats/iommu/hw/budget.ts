/**
 * How much of the hardware's tables is read in one handover: objects that name the same tables again and again
 * must not multiply the work.
 */
import { hexText, type Walk } from '../../kho/walk.js';
import { IOMMU_HW } from './rules.js';

/** Pages of root, context, PASID and stream tables: 64 units with a context table for each half bus. */
const MAX_TABLES = 1 << 15;
/** Entries that are present, decoded one by one. */
const MAX_ENTRIES = 1 << 16;

interface Budget {
  tables: number;
  entries: number;
  told: boolean;
}
const budgets = new WeakMap<Walk, Budget>();

/** Whether one more may be read; a note in the findings when the first may not. */
export function mayRead(
  walk: Walk,
  what: 'tables' | 'entries',
  path: string,
  address: bigint,
  count = 1,
): boolean {
  const budget = budgets.get(walk) ?? { tables: MAX_TABLES, entries: MAX_ENTRIES, told: false };
  budgets.set(walk, budget);
  if (budget[what] >= count) {
    budget[what] -= count;
    return true;
  }
  if (!budget.told) {
    budget.told = true;
    walk.find(
      IOMMU_HW.limit,
      path,
      address,
      `From ${hexText(address)} on, no more tables of the hardware are read: there are more than ${MAX_TABLES} pages of them, or ${MAX_ENTRIES} entries.`,
    );
  }
  return false;
}
