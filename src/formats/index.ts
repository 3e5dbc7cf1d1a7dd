/** Every format that carryover knows. A new one is one folder and one line here. */
import { fdt } from './fdt/index.js';
import type { Format } from './format.js';
import { passt } from './passt/index.js';

export * from './format.js';
export * from './text-forms.js';
export { fdt, passt };

/** In the order in which they are asked whether they know an input. */
export const formats: readonly Format[] = Object.freeze([passt, fdt]);
