# find_package(LunaticRun): the targets lunatic-run::lr_host and what it stands on;
# lunatic-run::host is what programs link.
include(${CMAKE_CURRENT_LIST_DIR}/LunaticRunPackages.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/LunaticRunTargets.cmake)
if(NOT TARGET lunatic-run::host)
  add_library(lunatic-run::host INTERFACE IMPORTED)
  set_target_properties(lunatic-run::host PROPERTIES
    INTERFACE_LINK_LIBRARIES lunatic-run::lr_host INTERFACE_COMPILE_FEATURES cxx_std_20)
endif()
