import { bytesOf, GENERATORS } from '../../dist/node/build/generate/index.js';

export const tasks = {
  generate() {
    const generator = GENERATORS.find(({ format }) => format === 'luo');
    if (generator === undefined) throw new Error('there is no generator of luo');
    return {
      generate: (/** @type {number} */ index) => {
        const bytes = bytesOf(generator.random('v5', 1, index).make(), 'elf');
        if (bytes === undefined) throw new Error('the instance has no bytes');
        return bytes;
      },
    };
  },
};
