/** /dev/liveupdate: the structs of its ioctls with the rules for their sizes, and the test's FLBs. */
export { TEST_FLB_DATA, type TestFlb, testFlb } from './test-flb.js';
export * from './uapi.js';
