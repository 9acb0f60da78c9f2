// SPDX-License-Identifier: GPL-2.0-or-later
// The images of format version 1 are written and read as they were. Whoever changes the format
// makes a new version and new images; these stay.
#include <gtest/gtest.h>

#include "tests/images/history.h"

namespace remap::test {
namespace {

TEST(Images, OfASetThatWasInUse) { EXPECT_EQ(image_fault(REMAP_IMAGES, false), ""); }
TEST(Images, OfASetThatWasClosed) { EXPECT_EQ(image_fault(REMAP_IMAGES, true), ""); }

}  // namespace
}  // namespace remap::test
