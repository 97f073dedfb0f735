// Launches from C++: timed in a loop, timed until the host sees what a kernel wrote, and one a call for Python.
//
// `Calls` knows four ways of submitting to one stream. Each has an empty form, which is what a burst times and a capture
// counts; and, but for the memcpy, a stamping form, whose kernel writes a word in pinned host memory.
#include <cuda.h>
#include <cuda_runtime.h>
#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "launch_calls.h"

namespace py = pybind11;

namespace launchlens {
namespace {

using Clock = std::chrono::steady_clock;  // the clock of Python's perf_counter_ns on Linux

void check(cudaError_t error) {
    if (error == cudaSuccess) return;
    cudaGetLastError();  // else the next check of torch's reports it once more
    throw std::runtime_error(std::string("CUDA error: ") + cudaGetErrorString(error));
}

std::int64_t since(Clock::time_point began) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - began).count();
}

using LaunchKernel = CUresult (*)(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                                  CUstream, void**, void**);

// Asked for by name, as extensions are not linked with libcuda.
LaunchKernel driver_launch() {
    void* found = nullptr;
    cudaDriverEntryPointQueryResult status;
    check(cudaGetDriverEntryPointByVersion("cuLaunchKernel", &found, 12000, cudaEnableDefault, &status));
    if (status != cudaDriverEntryPointSuccess) throw std::runtime_error("the driver has no cuLaunchKernel");
    return reinterpret_cast<LaunchKernel>(found);
}

// A graph of one node, ready to be launched.
cudaGraphExec_t graph_of(const void* kernel, void** arguments) {
    cudaKernelNodeParams node{};
    node.func = const_cast<void*>(kernel);
    node.gridDim = dim3(1);
    node.blockDim = dim3(kThreads);
    node.kernelParams = arguments;  // copied into the node
    cudaGraph_t graph;
    cudaGraphNode_t added;
    cudaGraphExec_t executable;
    check(cudaGraphCreate(&graph, 0));
    check(cudaGraphAddKernelNode(&added, graph, nullptr, 0, &node));
    check(cudaGraphInstantiate(&executable, graph, 0));
    check(cudaGraphDestroy(graph));
    return executable;
}

enum class Way { kLaunch, kDriver, kGraph, kMemcpy };

class Calls : public std::enable_shared_from_this<Calls> {
   public:
    // All of them addresses: a stream, where a memcpy of `bytes` goes and comes from, and the word on host and device.
    Calls(std::uintptr_t stream, std::uintptr_t to, std::uintptr_t from, std::size_t bytes, std::uintptr_t on_host,
          std::uintptr_t on_device)
        : stream_(reinterpret_cast<cudaStream_t>(stream)),
          to_(reinterpret_cast<void*>(to)),
          from_(reinterpret_cast<const void*>(from)),
          bytes_(bytes),
          seen_(reinterpret_cast<volatile std::uint32_t*>(on_host)),
          word_(reinterpret_cast<void*>(on_device)),
          launch_(driver_launch()) {
        check(cudaGetFuncBySymbol(&empty_function_, empty_kernel()));
        check(cudaGetFuncBySymbol(&stamp_function_, stamp_kernel()));
        empty_graph_ = graph_of(empty_kernel(), arguments_);
        stamp_graph_ = graph_of(stamp_kernel(), arguments_);
    }
    Calls(const Calls&) = delete;
    Calls& operator=(const Calls&) = delete;
    ~Calls() {
        cudaGraphExecDestroy(empty_graph_);
        cudaGraphExecDestroy(stamp_graph_);
    }

    // ns of `calls` calls of the empty form in a row, after `lead` more that are not timed. Nothing is waited for.
    std::int64_t burst(Way way, int calls, int lead) {
        return with(way, false, [calls, lead](auto call) {
            for (int i = 0; i < lead; ++i) check(call());
            const auto began = Clock::now();
            for (int i = 0; i < calls; ++i)
                if (const cudaError_t error = call(); error != cudaSuccess) check(error);
            return since(began);
        });
    }

    // ns from before a call of the stamping form until the word is seen; -1 where `limit_ns` pass without it.
    std::int64_t answer(Way way, std::int64_t limit_ns) {
        return with(way, true, [this, limit_ns](auto call) -> std::int64_t {
            *seen_ = 0;
            const auto began = Clock::now();
            check(call());
            for (;;) {
                for (int looks = 0; looks < 1024; ++looks)
                    if (*seen_) return since(began);
                if (since(began) > limit_ns) return -1;
            }
        });
    }

    // One call of the empty form.
    void once(Way way) {
        with(way, false, [](auto call) -> std::int64_t {
            check(call());
            return 0;
        });
    }

    cudaError_t launch_empty() {
        return cudaLaunchKernel(empty_kernel(), dim3(1), dim3(kThreads), arguments_, 0, stream_);
    }
    cudaError_t launch_stamp() {
        return cudaLaunchKernel(stamp_kernel(), dim3(1), dim3(kThreads), arguments_, 0, stream_);
    }

   private:
    // What `use` makes of the call: a lambda of its own type for each, so that no loop decides anything.
    template <typename Use>
    std::int64_t with(Way way, bool stamping, Use use) {
        switch (way) {
            case Way::kLaunch:
                return stamping ? use([this] { return launch_stamp(); }) : use([this] { return launch_empty(); });
            case Way::kDriver:
                return stamping ? use([this] { return driver(stamp_function_); })
                                : use([this] { return driver(empty_function_); });
            case Way::kGraph:
                return stamping ? use([this] { return cudaGraphLaunch(stamp_graph_, stream_); })
                                : use([this] { return cudaGraphLaunch(empty_graph_, stream_); });
            case Way::kMemcpy:
                if (stamping) throw std::invalid_argument("a memcpy on the device writes nothing that the host sees");
                return use([this] { return cudaMemcpyAsync(to_, from_, bytes_, cudaMemcpyDeviceToDevice, stream_); });
        }
        throw std::invalid_argument("no such way of launching");
    }

    cudaError_t driver(cudaFunction_t function) {
        const CUresult result = launch_(function, 1, 1, 1, kThreads, 1, 1, 0, stream_, arguments_, nullptr);
        return static_cast<cudaError_t>(result);  // the two number their errors alike since CUDA 10.1
    }

    cudaStream_t stream_;
    void* to_;
    const void* from_;
    std::size_t bytes_;
    volatile std::uint32_t* seen_;
    void* word_;
    void* arguments_[1] = {&word_};  // of the stamping kernel; the empty one reads none
    LaunchKernel launch_;
    cudaFunction_t empty_function_ = nullptr, stamp_function_ = nullptr;
    cudaGraphExec_t empty_graph_ = nullptr, stamp_graph_ = nullptr;
};

// One launch a call, as a plain CPython function over a capsule: pybind11's dispatch would add to what is measured.
constexpr char kCapsule[] = "launchlens.Calls";

template <cudaError_t (Calls::*launch)()>
PyObject* fire(PyObject* capsule, PyObject*) {
    Calls& calls = **static_cast<std::shared_ptr<Calls>*>(PyCapsule_GetPointer(capsule, kCapsule));
    const cudaError_t error = (calls.*launch)();
    if (error == cudaSuccess) Py_RETURN_NONE;
    cudaGetLastError();
    return PyErr_Format(PyExc_RuntimeError, "CUDA error: %s", cudaGetErrorString(error));
}

PyMethodDef empty_method = {"launch_empty", fire<&Calls::launch_empty>, METH_NOARGS, "Launch the empty kernel."};
PyMethodDef stamp_method = {"launch_stamp", fire<&Calls::launch_stamp>, METH_NOARGS, "Launch the stamping kernel."};

py::object function(const std::shared_ptr<Calls>& calls, bool stamping) {
    auto owner = std::make_unique<std::shared_ptr<Calls>>(calls);
    PyObject* capsule = PyCapsule_New(owner.get(), kCapsule, [](PyObject* dying) {
        delete static_cast<std::shared_ptr<Calls>*>(PyCapsule_GetPointer(dying, kCapsule));
    });
    if (capsule == nullptr) throw py::error_already_set();
    owner.release();
    const auto held = py::reinterpret_steal<py::object>(capsule);
    PyObject* made = PyCFunction_New(stamping ? &stamp_method : &empty_method, capsule);
    if (made == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
}

}  // namespace
}  // namespace launchlens

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
    using launchlens::Calls;
    using launchlens::Way;
    py::enum_<Way>(module, "Way")
        .value("LAUNCH", Way::kLaunch)
        .value("DRIVER", Way::kDriver)
        .value("GRAPH", Way::kGraph)
        .value("MEMCPY", Way::kMemcpy);
    py::class_<Calls, std::shared_ptr<Calls>>(module, "Calls")
        .def(py::init<std::uintptr_t, std::uintptr_t, std::uintptr_t, std::size_t, std::uintptr_t, std::uintptr_t>(),
             py::arg("stream"), py::arg("to"), py::arg("source"), py::arg("bytes"), py::arg("on_host"),
             py::arg("on_device"))
        .def("burst", &Calls::burst, py::arg("way"), py::arg("calls"), py::arg("lead"))
        .def("answer", &Calls::answer, py::arg("way"), py::arg("limit_ns"))
        .def("once", &Calls::once, py::arg("way"))
        .def("function", [](const std::shared_ptr<Calls>& calls, bool stamping) {
            return launchlens::function(calls, stamping);
        }, py::arg("stamping"));
}
