/** What the value of the LUO means when two are compared: sessions by name, files by token, FLBs by name. */
import type { Registry } from '../kho/extension.js';
import { isRecord } from '../kho/record.js';
import type { Meaning, Sense } from '../meaning.js';
import { flbDecoderFor, handlerFor } from './handler.js';

/** The word of a handler: an address where somebody followed it, unless they say otherwise. */
function wordOf(decoder: { readonly word?: 'value' } | undefined): Sense {
  return decoder === undefined ? 'word' : (decoder.word ?? 'address');
}

export function luoMeaning(registry: Registry): Meaning {
  const file = (value: unknown): Meaning => {
    const handler =
      isRecord(value) && typeof value.compatible === 'string'
        ? handlerFor(value.compatible, registry)
        : undefined;
    return {
      fields: {
        compatible: { is: 'generation' },
        data: { is: wordOf(handler) },
        ...(handler === undefined ? {} : { [handler.key]: handler.meaning ?? {} }),
      },
      ...(handler?.contents === undefined ? {} : { content: 'file' }),
    };
  };
  const flb = (value: unknown): Meaning => {
    const decoder =
      isRecord(value) && typeof value.name === 'string' ? flbDecoderFor(value.name, registry) : undefined;
    return {
      fields: {
        data: { is: wordOf(decoder) },
        ...(decoder === undefined ? {} : { [decoder.key]: decoder.meaning ?? {} }),
      },
    };
  };
  return {
    fields: {
      compatible: { is: 'generation' },
      sessions: {
        needs: 'memory',
        key: 'name',
        incomplete: 'sessions_incomplete',
        each: {
          fields: {
            files: { key: 'token', keyText: tokenText, incomplete: 'files_incomplete', each: file },
            files_incomplete: { is: 'unknown' },
            // It is the content of the file with token 0.
            systemd: { is: 'derived' },
          },
        },
      },
      sessions_incomplete: { is: 'unknown' },
      flbs: { needs: 'memory', key: 'name', incomplete: 'flbs_incomplete', each: flb },
      flbs_incomplete: { is: 'unknown' },
      flb_node: { is: 'layout' },
    },
  };
}

function tokenText(file: unknown): string {
  return isRecord(file) && typeof file.token === 'bigint' ? `0x${file.token.toString(16)}` : '?';
}
