/** Streams of passt from descriptions, and back. */
export { buildPasst, type PasstOptions } from './build.js';
export * from './spec.js';
export { type PasstSpecOf, type PasstSpecOptions, specOfPasst } from './spec-of.js';
