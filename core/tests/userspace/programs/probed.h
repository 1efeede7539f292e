/* SPDX-License-Identifier: Apache-2.0 */
void passed(const char *probe, int count, const unsigned long *values);
void guarded(long value);
void library_call(long value);
