/** The machines that generated handovers are of. */

export interface GeneratedMachine {
  readonly abi: 'x86_64' | 'aarch64';
  readonly pageSize: 4096 | 16384 | 65536;
}

/** KHO exists for x86_64 and arm64, whose kernels have pages of three sizes. */
export const MACHINES: readonly GeneratedMachine[] = Object.freeze([
  { abi: 'x86_64', pageSize: 4096 },
  { abi: 'aarch64', pageSize: 4096 },
  { abi: 'aarch64', pageSize: 16384 },
  { abi: 'aarch64', pageSize: 65536 },
]);

/** Part of the name of a file: `x86_64-4k`. */
export function machineName({ abi, pageSize }: GeneratedMachine): string {
  return `${abi}-${pageSize / 1024}k`;
}
