/* SPDX-License-Identifier: MIT
 *
 * The program that each room is linked into, whole, with only the rooms below it: a call upwards is an
 * undefined reference and fails the build. tests/meson.build makes one executable of it per room.
 */
int main(void)
{
	return 0;
}
