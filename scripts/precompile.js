// Writes generated decoders for what is hot in the built-in formats, after tsc has filled dist/.
import { existsSync } from 'node:fs';

if (!existsSync(new URL('../dist/codec/generate.js', import.meta.url))) process.exit(0);
