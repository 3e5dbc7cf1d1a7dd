/** Errors of what is asked to be built. */
import { CarryoverError } from '../codec/index.js';
import type { BuildCode } from './codes.js';

/** `path` is where in what was asked for: `sessions[0].files[1]`. */
export function buildError(code: BuildCode, path: string, reason: string): CarryoverError {
  return new CarryoverError(code, reason, path === '' ? {} : { path: [path] });
}
