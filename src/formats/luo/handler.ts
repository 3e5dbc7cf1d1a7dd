/** Which decoder takes a file. */
import type { FileHandler, FlbDecoder, Registry } from '../kho/extension.js';
import { baseVersion } from '../kho/generations.js';

/** The decoder for a handler's string, also one for the first of strings that are joined. */
export function handlerFor(compatible: string, registry: Registry): FileHandler | undefined {
  const base = baseVersion(compatible);
  return (
    registry.files.find((handler) => handler.compatible === compatible) ??
    registry.files.find((handler) => handler.compatible === base)
  );
}

/** The decoder for data that is bound to the life of files, by its name. */
export function flbDecoderFor(flb: string, registry: Registry): FlbDecoder | undefined {
  return registry.flbs.find(({ name }) =>
    name.endsWith('*') ? flb.startsWith(name.slice(0, -1)) : flb === name,
  );
}
