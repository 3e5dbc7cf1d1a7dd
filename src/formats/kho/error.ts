/** Errors of what was asked for, not of what was handed over. */
import { CarryoverError } from '../../codec/index.js';
import type { KhoCode } from './codes.js';

/** The error with that code; the caller throws it. */
export function khoError(code: KhoCode, reason: string): CarryoverError {
  return new CarryoverError(code, reason);
}
