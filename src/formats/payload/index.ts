/** What the data of files and FLBs points at, as far as all handlers have it in common. */
export { type Choice, choose, Evidence } from './choose.js';
export { CHOICE_MEANING } from './meaning.js';
export { checkTail, claimBlock, MAX_PAYLOAD, type Payload, readPayload } from './read.js';
export { PAYLOAD } from './rules.js';
export { PAYLOAD_HEX, payloadLine } from './text.js';
