/** What the data of files and FLBs points at, as far as all handlers have it in common. */
export { type ArrayReader, arrayTail, type CountedArray, readArray, readCounted } from './array.js';
export {
  type Choice,
  chooseLayout,
  Evidence,
  type Layouts,
  layoutsOf,
  type ToldChoice,
  toldChoice,
} from './choose.js';
export { CHOICE_MEANING } from './meaning.js';
export { checkTail, claimBlock, isPage, MAX_PAYLOAD, type Payload, readPayload, readStruct } from './read.js';
export { PAYLOAD } from './rules.js';
export { PAYLOAD_HEX, payloadLine } from './text.js';
