/** Huge pages: `hugetlb-v1` as file-lifecycle-bound data, `huge-memfd-v1` as files. */
export { HugeFolioReader, type HugeRun } from './folios.js';
export {
  followHugeMemfd,
  followHugetlb,
  type HugeMemfdValue,
  type HugetlbValue,
  hugeMemfdHandler,
  hugetlbFlb,
} from './follow.js';
export { HUGETLB } from './rules.js';
export * from './schema.js';
