/** From the text of a spec to what it asks for. */
import { CarryoverError, isCarryoverError } from '../../codec/index.js';
import { type BuildOptions, type BuiltHandover, buildHandover } from '../handover/build.js';
import type { HandoverSpec } from '../handover/spec.js';
import { buildPasst } from '../passt/build.js';
import type { PasstSpec } from '../passt/spec.js';
import { FILE_PIECE } from './handover-shape.js';
import { DOCUMENT_KINDS, HANDOVER_SHAPE, KIND_KEYS, kindOf } from './kinds.js';
import type { Places } from './places.js';
import { parseSpec, type ReadSpec, readParsed, readSpec, topKeys } from './read.js';
import type { Shape } from './shape.js';

/** What a document asks for, with the places of its parts. */
export type SpecDocument =
  | { readonly kind: 'handover'; readonly spec: HandoverSpec; readonly places: Places }
  | { readonly kind: 'passt'; readonly spec: PasstSpec; readonly places: Places };

/**
 * Reads a spec of any kind from YAML or JSON.
 *
 * @throws `spec-syntax`, `spec-invalid`, with line and column.
 */
export function readDocument(source: string): SpecDocument {
  const parsed = parseSpec(source);
  const kind = kindOf(topKeys(parsed));
  if (kind === 'passt') {
    const { value, places } = readParsed(parsed, DOCUMENT_KINDS.passt.shape);
    return { kind, spec: value.passt, places };
  }
  const { value, places } = readParsed(parsed, HANDOVER_SHAPE, KIND_KEYS);
  return { kind, spec: value, places };
}

export type BuiltDocument =
  | { readonly kind: 'handover'; readonly built: BuiltHandover }
  | { readonly kind: 'passt'; readonly bytes: Uint8Array };

/** Builds what a document asks for. @throws what building throws, with line and column. */
export function buildDocument(document: SpecDocument, options: BuildOptions = {}): BuiltDocument {
  return placed(document.places, () =>
    document.kind === 'passt'
      ? {
          kind: 'passt',
          bytes: buildPasst(
            document.spec,
            options.readFile === undefined ? {} : { readFile: options.readFile },
          ),
        }
      : { kind: 'handover', built: buildHandover(document.spec, options) },
  );
}

/**
 * Reads a spec of a handover from YAML or JSON.
 *
 * @throws `spec-syntax`, `spec-invalid`, with line and column.
 */
export function readHandoverSpec(source: string): ReadSpec<HandoverSpec> {
  return readSpec(source, HANDOVER_SHAPE);
}

/**
 * Builds the handover that the text of a spec asks for.
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

/** A file that a spec names, and the path of its name in the spec. */
export interface NamedFile {
  readonly name: string;
  readonly path: string;
}

/** The files that a document names, each once. */
export function filesIn(document: SpecDocument): readonly NamedFile[] {
  const files = new Map<string, NamedFile>();
  const visit = (value: unknown, shape: Shape, path: string): void => {
    if (shape.kind === 'either') for (const one of shape.of) visit(value, one, path);
    else if (Array.isArray(value)) {
      if (shape.kind === 'list')
        for (const [i, one] of value.entries()) visit(one, shape.of, `${path}[${i}]`);
    } else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        const at = path === '' ? key : `${path}.${key}`;
        if (shape.kind === 'map') visit(inner, shape.of, at);
        else if (shape.kind !== 'object') continue;
        // Mappings of an IOMMU have a key of this name as well, which names a file of a session.
        else if (shape !== FILE_PIECE) {
          const field = Object.hasOwn(shape.fields, key) ? shape.fields[key] : undefined;
          if (field !== undefined) visit(inner, field.shape, at);
        } else if (key === 'file' && typeof inner === 'string' && !files.has(inner))
          files.set(inner, { name: inner, path: at });
      }
  };
  if (document.kind === 'passt')
    visit(document.spec, DOCUMENT_KINDS.passt.shape.fields.passt.shape, DOCUMENT_KINDS.passt.key);
  else visit(document.spec, HANDOVER_SHAPE, '');
  return [...files.values()];
}
