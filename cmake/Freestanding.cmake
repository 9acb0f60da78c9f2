# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every header of the core, each compiled on its own without a libc, exceptions, RTTI or floating
# point: what the kernel build would refuse is refused here, in seconds and by both compilers.
file(GLOB_RECURSE core_headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
    ${CMAKE_SOURCE_DIR}/core/*.h)
file(GLOB_RECURSE core_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/*.cc)

set(check_sources ${core_sources})
foreach(header IN LISTS core_headers)
    string(REPLACE "/" "_" name ${header})
    set(source ${CMAKE_BINARY_DIR}/freestanding/${name}.cc)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
    list(APPEND check_sources ${source})
endforeach()

# Built by the tests, not by `make`.
add_library(core-freestanding OBJECT EXCLUDE_FROM_ALL ${check_sources})
target_include_directories(core-freestanding PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_options(core-freestanding PRIVATE -ffreestanding -fno-exceptions -fno-rtti
    -fno-threadsafe-statics -mgeneral-regs-only)
target_link_libraries(core-freestanding PRIVATE dmremap_warnings)
