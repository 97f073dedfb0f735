# nsys, and torch, triton and nvtx for python3, must be there; $OUT is where the pack goes.
# Records the exports of tests/data/nsys: run from the root of the checkout on a machine with a GPU. Goes on after a failure.
export PYTHONUNBUFFERED=1
S=$PWD/tests/data/nsys/scripts; W=/tmp/golden; rm -rf $W; mkdir -p $W /tmp/pk; ln -sfn $PWD /tmp/pk/launchlens
export PYTHONPATH=/tmp/pk:$PYTHONPATH
REPORTS=nvtx_gpu_proj_sum,nvtx_gpu_proj_trace,nvtx_pushpop_sum,nvtx_pushpop_trace,nvtx_sum,cuda_kern_exec_sum,cuda_kern_exec_trace,cuda_gpu_sum,cuda_gpu_mem_time_sum,cuda_gpu_mem_size_sum,cuda_gpu_kern_sum,cuda_api_sum,cuda_api_gpu_sum,cuda_gpu_trace,cuda_api_trace
nsys --version > $W/versions.txt 2>&1; nvidia-smi --query-gpu=name,driver_version --format=csv >> $W/versions.txt 2>&1
python3 -c "import torch,triton,nvtx,importlib.metadata as m;print(torch.__version__,torch.version.cuda,triton.__version__,m.version('nvtx'))" >> $W/versions.txt 2>&1
nsys status -e >> $W/versions.txt 2>&1; nsys stats --help-reports >> $W/reports.txt 2>&1; nsys profile --help > $W/profile-help.txt 2>&1; nsys export --help > $W/export-help.txt 2>&1
said() { echo "+ $*" >> $D/commands.txt; timeout 100 "$@" >> $D/output.txt 2>&1 || { echo "FAILED rc=$? in $(basename $D): $*"; tail -5 $D/output.txt; }; }
record() { # NAME GRAPH-TRACE PROGRAM...
  D=$W/$1; mkdir -p $D; local graph=$2; shift 2; cd $D
  said nsys profile --sample=none --cpuctxsw=none --trace=cuda,nvtx --cuda-graph-trace=$graph --capture-range=cudaProfilerApi --capture-range-end=stop --force-overwrite=true --stats=false --output=trace python3 "$@"
  [ -f trace.nsys-rep ] || { echo "NO REPORT for $D"; ls -la; cat output.txt | tail -20; return; }
  said nsys export --type sqlite --force-overwrite=true --output trace.sqlite trace.nsys-rep
  said nsys export --type parquetdir --force-overwrite=true --output parquet trace.nsys-rep
  said nsys stats --format csv --force-export=true --report $REPORTS --output stats trace.nsys-rep
  for report in ${REPORTS//,/ }; do
    [ -s stats_$report.csv ] || { echo "no $report of $(basename $D), alone:"; said nsys stats --format csv --force-export=true --report $report --output stats trace.nsys-rep; ls stats_$report.csv; }
  done
  ls -la $D | awk '{print $5, $9}' | grep -v '^ *$' > files.txt; du -k trace.sqlite parquet
  mkdir -p $W/rep; mv trace.nsys-rep $W/rep/$(basename $D).nsys-rep; cd - > /dev/null
}
time record copies-eager node $S/copies.py eager 3 5
time record copies-graph node $S/copies.py graph 3 5
time record copies-graph-whole graph $S/copies.py graph 3 5
time record step node $S/step.py 3
cp $W/rep/copies-graph.nsys-rep $W/ ; rm -rf $W/rep
tar czf $OUT/golden.tgz -C $W . ; ls -la $OUT
find $W -size +4000k | head
if [ $(stat -c %s $OUT/golden.tgz) -gt 14000000 ]; then rm -f $W/*.nsys-rep; rm -rf $W/*/parquet; tar czf $OUT/golden.tgz -C $W .; ls -la $OUT; fi
for d in $W/*/; do echo "== $d"; tail -3 $d/output.txt; ls $d | wc -l; done
