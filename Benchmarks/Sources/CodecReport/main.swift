import Bytes
import Codecs
import ColumnData
import Glibc
import Model

/// codec-report                      every data class: bits a value and speed, beside Gorilla and zstd
/// codec-report wide FILE.csv        series,timestamp_ns,value as one wide series, by the block writer
/// codec-report each FILE.csv        the same file, every series a block group of its own

switch CommandLine.arguments.dropFirst().first {
case nil: ClassReport.run()
case "wide": WideReport.run(Array(CommandLine.arguments.dropFirst(2)), isWide: true)
case "each": WideReport.run(Array(CommandLine.arguments.dropFirst(2)), isWide: false)
default:
  print("usage: codec-report [wide FILE.csv ... | each FILE.csv ...]")
  exit(2)
}
