/** Where the siblings of a generated handover are, in the decoder's words and in the builder's. */
import type { FileSpec, FlbSpec, HandoverSpec } from '../../handover/spec.js';

/** The path of a file of the only session. */
export function filePath(index: number): string {
  return `entries.LUO.sessions[0].files[${index}]`;
}
/** What the builder calls the same file. */
export function fileLabel(index: number): string {
  return `sessions[0].files[${index}]`;
}
export const FLB_PATH = 'entries.LUO.flbs[0]';
export const FLB_LABEL = 'flbs[0]';

/** One session with these files, which have the tokens 1, 2, … unless they say others. */
export function session(files: readonly Partial<FileSpec>[], flbs: readonly FlbSpec[] = []): HandoverSpec {
  return {
    sessions: [{ name: 'vm', files: files.map((file, i): FileSpec => ({ token: i + 1, ...file })) }],
    ...(flbs.length === 0 ? {} : { flbs }),
  };
}
/** An FLB, and a file that it is bound to. */
export function flb(given: FlbSpec): HandoverSpec {
  return session([{ eventfd: {} }], [given]);
}

const BUS = 0x3a;
/** Addresses that ascend, of functions on buses from 3a on. */
export function addresses(count: number, domain = 0): readonly string[] {
  return Array.from({ length: count }, (_, i) => {
    const bus = BUS + (i >> 8);
    return `${hex(domain, 4)}:${hex(bus, 2)}:${hex((i >> 3) & 0x1f, 2)}.${i & 7}`;
  });
}
function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
