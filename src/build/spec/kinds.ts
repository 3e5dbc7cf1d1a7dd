/**
 * The kinds of documents that describe something to be built. A kind is told by the key that only it has at the
 * top; the one without is what all other documents are.
 */
import { BUILD_REGISTRY } from '../handover/registry.js';
import { handoverShape } from './handover-shape.js';
import { passtShape } from './passt-shape.js';
import type { Read } from './shape.js';

/** The shape of specs of handovers with all that carryover builds. */
export const HANDOVER_SHAPE = handoverShape({
  files: Object.fromEntries(
    BUILD_REGISTRY.files.flatMap(({ key, field }) => (field === undefined ? [] : [[key, field]])),
  ),
  flbs: Object.fromEntries(BUILD_REGISTRY.flbs.map(({ key, field }) => [key, field])),
});

export const DOCUMENT_KINDS = Object.freeze({
  passt: { key: 'passt', title: 'a stream of passt', shape: passtShape },
  handover: { key: undefined, title: 'what a kernel hands over', shape: HANDOVER_SHAPE },
});
export type DocumentKind = keyof typeof DOCUMENT_KINDS;
export type DocumentValue<K extends DocumentKind> = Read<(typeof DOCUMENT_KINDS)[K]['shape']>;

/** Kinds by the key that tells them, in the order in which they are looked for. */
export function kindOf(keys: readonly string[]): DocumentKind {
  return keys.includes(DOCUMENT_KINDS.passt.key) ? 'passt' : 'handover';
}
/** Keys that tell a kind. */
export const KIND_KEYS: readonly string[] = Object.values(DOCUMENT_KINDS).flatMap(({ key }) =>
  key === undefined ? [] : [key],
);
