// What the host needs of the two kernels of launch_calls.cu.
#pragma once

namespace launchlens {

// One block of a warp: the least that a launch can be.
constexpr unsigned kThreads = 32;

// A kernel that does nothing and takes nothing; and one that writes 1 to the word whose address it takes.
const void* empty_kernel();
const void* stamp_kernel();

}  // namespace launchlens
