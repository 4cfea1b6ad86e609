// expect: nothing, since this compiles: the harness must say so
// SPDX-License-Identifier: Apache-2.0
int main() {}
