# SPDX-License-Identifier: GPL-2.0-or-later
# DMREMAP_SANITIZE applies to everything in the build: mixing sanitized and plain objects hides
# errors.
if(DMREMAP_SANITIZE)
    if(NOT DMREMAP_SANITIZE MATCHES "^(address|undefined|address,undefined|thread)$")
        message(FATAL_ERROR "DMREMAP_SANITIZE is address, undefined, address,undefined or thread, "
            "not '${DMREMAP_SANITIZE}'.")
    endif()
    # An undefined operation ends the program instead of printing a line that nobody reads.
    add_compile_options(-fsanitize=${DMREMAP_SANITIZE} -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${DMREMAP_SANITIZE})
endif()
