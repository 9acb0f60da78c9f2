# SPDX-License-Identifier: GPL-2.0-or-later
# The warnings every program of this repository is free of.
add_library(dmremap_warnings INTERFACE)
target_compile_options(dmremap_warnings INTERFACE -Wall -Wextra)
if(DMREMAP_WERROR)
    target_compile_options(dmremap_warnings INTERFACE -Werror)
endif()
