/** From the text of a spec to what it asks for. */
import { CarryoverError, isCarryoverError } from '../../codec/index.js';
import { type BuildOptions, type BuiltHandover, buildHandover } from '../handover/build.js';
import { BUILD_REGISTRY } from '../handover/registry.js';
import type { HandoverSpec } from '../handover/spec.js';
import { handoverShape } from './handover-shape.js';
import type { Places } from './places.js';
import { type ReadSpec, readSpec } from './read.js';

/** The shape of specs of handovers with all that carryover builds. */
export const HANDOVER_SHAPE = handoverShape({
  files: Object.fromEntries(
    BUILD_REGISTRY.files.flatMap(({ key, field }) => (field === undefined ? [] : [[key, field]])),
  ),
  flbs: Object.fromEntries(BUILD_REGISTRY.flbs.map(({ key, field }) => [key, field])),
});

/**
 * Reads a spec of a handover from YAML or JSON.
 *
 * @throws `spec-syntax`, `spec-invalid`, with line and column.
 */
export function readHandoverSpec(source: string): ReadSpec<HandoverSpec> {
  return readSpec(source, HANDOVER_SHAPE);
}

/**
 * Builds what the text of a spec asks for.
 *
 * @throws what reading and building it throw, with line and column.
 */
export function buildFromText(source: string, options: BuildOptions = {}): BuiltHandover {
  const { value, places } = readHandoverSpec(source);
  return placed(places, () => buildHandover(value, options));
}

/** Runs something that throws errors with a path in the spec; they say its line and column as well then. */
export function placed<T>(places: Places, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!isCarryoverError(error) || error.path.length === 0) throw error;
    const place = places.get(String(error.path[0]));
    if (place === undefined) throw error;
    throw new CarryoverError(error.code, `${error.reason}, in line ${place.line}, column ${place.column}`, {
      path: error.path,
      cause: error,
    });
  }
}

/** The files that a spec names, each once. */
export function filesIn(spec: unknown): readonly string[] {
  const files = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const element of value) visit(element);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        // Only pieces of contents have a key of this name whose value is a text.
        if (key === 'file' && typeof inner === 'string') files.add(inner);
        else visit(inner);
      }
  };
  visit(spec);
  return [...files];
}
