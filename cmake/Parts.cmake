# SPDX-License-Identifier: GPL-2.0-or-later
#
# Parts of the build and the libraries they need. A part whose libraries are missing is left out
# and the rest is built; one line at the end names every package that is missing.
#
# In a part's CMakeLists.txt:
#
#     dmremap_need(GTest libgtest-dev NAME)      # find_package(GTest), else note the package
#     dmremap_need_pkg(fuse3 libfuse3-dev NAME)  # the same by pkg-config; PkgConfig::fuse3
#     dmremap_need_header(CLI/CLI.hpp libcli11-dev NAME)  # a library of headers only
#     if(NAME)  add_executable(...)  endif()
#
# NAME becomes false when the library is missing, and stays as it was otherwise, so several
# calls with the same NAME ask for all of them; it starts as true.
include(CheckIncludeFileCXX)
find_package(PkgConfig QUIET)

macro(dmremap_need package debian name)
    if(NOT DEFINED ${name})
        set(${name} TRUE)
    endif()
    find_package(${package} QUIET)
    if(NOT ${package}_FOUND)
        dmremap_missing(${debian} ${name})
    endif()
endmacro()

macro(dmremap_need_pkg module debian name)
    if(NOT DEFINED ${name})
        set(${name} TRUE)
    endif()
    if(NOT PKG_CONFIG_FOUND)
        dmremap_missing(pkg-config ${name})
    else()
        pkg_check_modules(${module} QUIET IMPORTED_TARGET ${module})
        if(NOT ${module}_FOUND)
            dmremap_missing(${debian} ${name})
        endif()
    endif()
endmacro()

macro(dmremap_need_header header debian name)
    if(NOT DEFINED ${name})
        set(${name} TRUE)
    endif()
    string(MAKE_C_IDENTIFIER "HAVE_${header}" dmremap_have)
    set(CMAKE_REQUIRED_QUIET TRUE)
    check_include_file_cxx(${header} ${dmremap_have} "-std=gnu++20")
    if(NOT ${dmremap_have})
        # A failed check is not remembered: the next run finds what was installed meanwhile.
        unset(${dmremap_have} CACHE)
        dmremap_missing(${debian} ${name})
    endif()
endmacro()

macro(dmremap_missing debian name)
    set(${name} FALSE)
    set_property(GLOBAL APPEND PROPERTY DMREMAP_MISSING ${debian})
    set_property(GLOBAL APPEND PROPERTY DMREMAP_SKIPPED ${CMAKE_CURRENT_SOURCE_DIR}:${name})
endmacro()

# A directory of the build, once it is there.
function(dmremap_part directory what)
    if(EXISTS ${CMAKE_SOURCE_DIR}/${directory}/CMakeLists.txt)
        add_subdirectory(${directory})
    else()
        message(STATUS "no ${what} here: ${directory}/CMakeLists.txt is not there")
    endif()
endfunction()

function(dmremap_report_parts)
    get_property(missing GLOBAL PROPERTY DMREMAP_MISSING)
    if(NOT missing)
        return()
    endif()
    get_property(skipped GLOBAL PROPERTY DMREMAP_SKIPPED)
    list(REMOVE_DUPLICATES missing)
    list(REMOVE_DUPLICATES skipped)
    string(REPLACE "${CMAKE_SOURCE_DIR}/" "" skipped "${skipped}")
    list(JOIN missing " " missing)
    list(JOIN skipped " " skipped)
    message(STATUS "left out for want of libraries: ${skipped}")
    message(STATUS "to build them: apt-get install ${missing}")
endfunction()
