/**
 * Walks a merged stream as a target does, by counts and lengths only. Nothing is allocated, so it takes any
 * bytes, and is what generations are told apart by and what the model of the target steps through.
 */
import { EXT_SIZE, QUEUE_MAX, RECORD_SIZE, RECORDS_OFFSET } from './schema.js';

export type ExtSize = (typeof EXT_SIZE)[1 | 2];

/** Where the one-byte fields of an extended record are, counted from its end. */
const STATE_FROM_END = 2;

/** What is the same in extended records of both sizes, and tells where the next one begins. */
export interface ExtSteps {
  /** Offset of the extended record. */
  readonly at: number;
  readonly state: number;
  readonly sndq: number;
  readonly notsent: number;
  readonly rcvq: number;
  /** Where the record and its queues end; a record that says "skip" has no queues. */
  readonly end: number;
}

/** Reads the lengths in an extended record that lies within the bytes. */
export function stepsAt(view: DataView, at: number, extSize: ExtSize): ExtSteps {
  const state = view.getUint8(at + extSize - STATE_FROM_END);
  const sndq = view.getUint32(at + 8);
  const notsent = view.getUint32(at + 12);
  const rcvq = view.getUint32(at + 16);
  return { at, state, sndq, notsent, rcvq, end: at + extSize + (state === 0 ? 0 : sndq + rcvq) };
}

/**
 * Where a body with extended records of that size ends; undefined if it does not fit the bytes or breaks the
 * limits of a target. `skippedHaveQueues` counts queue bytes also after records that say "skip", which is wrong.
 */
export function bodyEnd(view: DataView, extSize: ExtSize, skippedHaveQueues = false): number | undefined {
  if (view.byteLength < RECORDS_OFFSET) return undefined;
  const count = view.getUint32(RECORDS_OFFSET - 4);
  if (count * (RECORD_SIZE + extSize) > view.byteLength - RECORDS_OFFSET) return undefined;
  let at = RECORDS_OFFSET + count * RECORD_SIZE;
  for (let i = 0; i < count; i++) {
    if (at + extSize > view.byteLength) return undefined;
    const { state, sndq, notsent, rcvq, end } = stepsAt(view, at, extSize);
    if (state !== 0 && (sndq > QUEUE_MAX || rcvq > QUEUE_MAX || notsent > sndq)) return undefined;
    at = state === 0 && skippedHaveQueues ? end + sndq + rcvq : end;
  }
  return at > view.byteLength ? undefined : at;
}

/** Whether a body with extended records of that size has flows and ends where the bytes do. */
export function fitsExactly(view: DataView, extSize: ExtSize): boolean {
  return bodyEnd(view, extSize) === view.byteLength && view.byteLength > RECORDS_OFFSET;
}

/** Whether the extended records seem to be of the other size: so read the body ends where the bytes do. */
export function otherSizeFits(view: DataView, extSize: ExtSize): boolean {
  return !fitsExactly(view, extSize) && fitsExactly(view, otherSize(extSize));
}
/** Whether records that say "skip" seem to have queues all the same: only so the body ends where the bytes do. */
export function skippedSeemToHaveQueues(view: DataView, extSize: ExtSize): boolean {
  return (
    view.byteLength > RECORDS_OFFSET &&
    !fitsExactly(view, extSize) &&
    bodyEnd(view, extSize, true) === view.byteLength
  );
}
export function otherSize(extSize: ExtSize): ExtSize {
  return extSize === EXT_SIZE[1] ? EXT_SIZE[2] : EXT_SIZE[1];
}
