/** Says on stderr how far long work is, if that is a terminal; nothing while it is quick. */
import type { FileSource, Source } from '../memory/index.js';
import type { IO } from './io.js';

/** Nobody wonders before, and nobody reads faster than that. */
const FIRST_MS = 1000;
const EVERY_MS = 200;

export interface Progress {
  /** The source, whose reads count. Reading is synchronous, so that only reads can tell. */
  watched(source: FileSource): Source;
  /** Says it in those words, if it is time. The text is only made then. */
  tell(text: () => string): void;
  /** Wipes the line. */
  end(): void;
}

export function progressOf(io: IO, now: () => number = () => performance.now()): Progress {
  const start = now();
  let last = start + FIRST_MS - EVERY_MS;
  let said = false;
  let total = 0;
  const tell = (text: () => string): void => {
    if (!io.stderrIsTTY) return;
    const time = now();
    if (time - last < EVERY_MS) return;
    last = time;
    said = true;
    io.writeError(`\r${text()}\u001b[K`);
  };
  return {
    watched: (source) => ({
      ...source,
      read(offset, length) {
        const bytes = source.read(offset, length);
        total += bytes.length;
        tell(() => `read ${(total / 2 ** 20).toFixed(0)} MiB of ${(source.size / 2 ** 20).toFixed(0)}`);
        return bytes;
      },
    }),
    tell,
    end: () => {
      if (said) io.writeError('\r\u001b[K');
      said = false;
    },
  };
}
