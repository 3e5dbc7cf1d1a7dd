/** Where the random cases begin and how many there are; both can be set, to look further than every run does. */
export const SEED = Number(process.env.LAWS_SEED ?? 20_260_726);
const FACTOR = Number(process.env.LAWS_RUNS ?? 1);

/** So many cases, times what `LAWS_RUNS` asks for. */
export function runs(count: number): number {
  return Math.max(1, Math.round(count * FACTOR));
}
