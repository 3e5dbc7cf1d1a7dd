/** How many files an FLB belongs to, where a spec does not say it. */

/**
 * Files of the handler that registers it; all files where that is not known, or where it has none: an FLB that
 * no file depends on would not be there. `handlers` are the strings of all files.
 */
export function dependants(handlers: readonly string[], prefix: string | undefined): number {
  const own = prefix === undefined ? 0 : handlers.filter((handler) => handler.startsWith(prefix)).length;
  return own === 0 ? handlers.length : own;
}
