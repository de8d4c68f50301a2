import Bytes
import Codecs
import ColumnData
import Glibc
import Model

/// codec-report                 every data class: bits a value and speed, beside Gorilla and zstd
/// codec-report classes NAME... some of them
/// codec-report shapes          TSBS' cpu-only and a mix, by the block writer
/// codec-report wide FILE.csv   series,timestamp_ns,value as one wide series, by the block writer
/// codec-report each FILE.csv   the same file, every series by itself

let files = Array(CommandLine.arguments.dropFirst(2))
switch CommandLine.arguments.dropFirst().first {
case nil: ClassReport.run()
case "classes": ClassReport.run(files.compactMap { ColumnClass(rawValue: $0) })
case "shapes": WideReport.runShapes()
case "wide": WideReport.run(files, isWide: true)
case "each": WideReport.run(files, isWide: false)
default:
  print("usage: codec-report [classes NAME ... | shapes | wide FILE.csv ... | each FILE.csv ...]")
  exit(2)
}
